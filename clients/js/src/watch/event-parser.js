/** Splits the text of an event stream into events (HTML, section 9.2.6) whose data is JSON. */
export class EventParser {
  #rest = "";
  #name = "message";
  #data = [];

  /** The events that this part of the text completes. */
  *parse(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    for (const line of lines) {
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (line === "") {
        if (this.#data.length > 0) yield { event: this.#name, data: JSON.parse(this.#data.join("\n")) };
        this.#name = "message";
        this.#data = [];
      } else if (field === "event") {
        this.#name = value;
      } else if (field === "data") {
        this.#data.push(value);
      }
    }
  }
}
