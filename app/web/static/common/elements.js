/** Creates elements of the page. */

export function createElement(name, className = "") {
  const element = document.createElement(name);
  element.className = className;
  return element;
}

/** An element for a name or a number, which a translation of the page must leave as it is. */
export function createData(name, className = "") {
  const element = createElement(name, className);
  element.setAttribute("translate", "no");
  return element;
}
