/** Finds the broadcaster of a scoreboard. */

export class BroadcasterAddress {
  #calls;
  #websocketUrl;

  constructor(calls, websocketUrl) {
    this.#calls = calls;
    this.#websocketUrl = websocketUrl;
  }

  /** The WebSocket's address, which the server is asked for once. Throws ApiError or NoReply. */
  async websocket() {
    if (this.#websocketUrl === null) {
      const { servers, channels } = (await this.#calls.request("GET", "asyncapi.json")).body;
      const { protocol, host } = servers.broadcaster;
      this.#websocketUrl = `${protocol}://${host}${channels.viewer.address}`;
    }
    return this.#websocketUrl;
  }

  /** The address of the event stream beside it. */
  async stream() {
    const url = new URL(await this.websocket());
    url.protocol = url.protocol === "wss:" ? "https:" : "http:";
    url.pathname = url.pathname.replace(/[^/]*$/, "stream");
    return url.href;
  }
}

/** The address with these parameters. */
export function withQuery(address, query) {
  const parameters = new URLSearchParams(query).toString();
  return parameters === "" ? address : `${address}?${parameters}`;
}
