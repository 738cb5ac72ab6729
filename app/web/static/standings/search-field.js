/** The field to search for a player. It searches while the user types. */

const PAUSE_MS = 300;

export class SearchField {
  #input;
  #timer;

  /** `onSearch(text)` is called after a pause in the input, and at once if the form is submitted. */
  constructor(form, onSearch) {
    this.#input = form.querySelector("input");
    const search = () => {
      clearTimeout(this.#timer);
      onSearch(this.#input.value.trim());
    };
    this.#input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(search, PAUSE_MS);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      search();
    });
  }

  /** Show the text of a search that did not come from the field, such as one in the address. */
  show(text) {
    clearTimeout(this.#timer);
    if (this.#input.value.trim() !== text) this.#input.value = text;
  }
}
