/** Which part of the standings the page shows is in the address, so that a link or a reload shows it again. */

const NAME = "standings";
const KINDS = ["after", "before", "username", "me"];
export const FIRST_PAGE = { kind: "first", value: "" };

/** {kind, value} of a fragment such as "#standings?after=…"; null if it does not name the standings. */
export function viewOf(fragment) {
  const [name, query] = fragment.slice(1).split("?", 2);
  if (name !== NAME) return null;
  const parameters = new URLSearchParams(query);
  const kind = KINDS.find((each) => parameters.has(each));
  return kind === undefined ? FIRST_PAGE : { kind, value: parameters.get(kind) };
}

export function fragmentOf({ kind, value }) {
  return kind === "first" ? `#${NAME}` : `#${NAME}?${new URLSearchParams({ [kind]: value })}`;
}
