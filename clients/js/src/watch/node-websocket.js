/**
 * The part of the browser's WebSocket that this client uses, for Node before version 22, which has none.
 *
 * Messages are text (RFC 6455); the server's frames are not masked, and no extension is offered.
 */

import { createHash, randomBytes } from "node:crypto";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

const CONTINUATION = 0;
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const ABNORMAL = 1006;
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export class NodeWebSocket {
  onmessage = null;
  onclose = null;
  /** The values of a browser's WebSocket: 0 connecting, 1 open, 3 closed. */
  readyState = 0;
  #request;
  #socket = null;
  #received = Buffer.alloc(0);
  #parts = [];
  #partBytes = 0;
  #code = ABNORMAL;

  constructor(url, protocols) {
    const address = new URL(url);
    const key = randomBytes(16).toString("base64");
    const isTls = address.protocol === "wss:";
    address.protocol = isTls ? "https:" : "http:";
    this.#request = (isTls ? requestHttps : requestHttp)(address, {
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Protocol": protocols.join(", "),
      },
    });
    this.#request.on("upgrade", ({ headers }, socket, head) => {
      const accepted = createHash("sha1").update(key + GUID).digest("base64");
      if (headers["sec-websocket-accept"] === accepted) this.#open(socket, head);
      else socket.destroy(new Error("not a WebSocket"));
    });
    this.#request.on("response", (reply) => {
      reply.resume();
      this.#closed();
    });
    this.#request.on("error", () => this.#closed());
    this.#request.end();
  }

  send(text) {
    this.#sendFrame(TEXT, Buffer.from(text));
  }

  close() {
    if (this.readyState === 1) this.#sendFrame(CLOSE, Buffer.from([0x03, 0xe8]));
    this.readyState = 3;
    if (this.#socket === null) this.#request.destroy();
    else this.#socket.end();
  }

  #open(socket, head) {
    this.#socket = socket;
    if (this.readyState === 3) {
      socket.destroy();
      return;
    }
    this.readyState = 1;
    socket.on("data", (data) => this.#read(data));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#closed());
    this.#read(head);
  }

  #read(data) {
    this.#received = Buffer.concat([this.#received, data]);
    for (let frame = this.#takeFrame(); frame !== null; frame = this.#takeFrame()) this.#handle(frame);
  }

  /** The next frame, {opcode, isLast, payload}, or null until it is complete. */
  #takeFrame() {
    const buffer = this.#received;
    if (buffer.length < 2) return null;
    let length = buffer[1] & 0x7f;
    let start = 2;
    if (length === 126) {
      if (buffer.length < 4) return null;
      length = buffer.readUInt16BE(2);
      start = 4;
    } else if (length === 127) {
      if (buffer.length < 10) return null;
      length = Number(buffer.readBigUInt64BE(2));
      start = 10;
    }
    if (length > MAX_MESSAGE_BYTES) {
      this.#socket.destroy();
      return null;
    }
    if (buffer.length < start + length) return null;
    this.#received = buffer.subarray(start + length);
    return {
      opcode: buffer[0] & 0x0f,
      isLast: (buffer[0] & 0x80) !== 0,
      payload: buffer.subarray(start, start + length),
    };
  }

  #handle({ opcode, isLast, payload }) {
    if (opcode === PING) {
      this.#sendFrame(PONG, payload);
    } else if (opcode === CLOSE) {
      this.#code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#sendFrame(CLOSE, payload.subarray(0, 2));
      this.#socket.end();
    } else if (opcode === TEXT || opcode === CONTINUATION) {
      this.#parts.push(payload);
      this.#partBytes += payload.length;
      if (this.#partBytes > MAX_MESSAGE_BYTES) this.#socket.destroy();
      if (!isLast) return;
      const data = Buffer.concat(this.#parts).toString();
      this.#parts = [];
      this.#partBytes = 0;
      this.onmessage?.({ data });
    }
  }

  #sendFrame(opcode, payload) {
    const mask = randomBytes(4);
    const header =
      payload.length < 126
        ? Buffer.from([0x80 | opcode, 0x80 | payload.length])
        : Buffer.from([0x80 | opcode, 0x80 | 126, payload.length >> 8, payload.length & 0xff]);
    const masked = Buffer.from(payload.map((byte, index) => byte ^ mask[index % 4]));
    this.#socket.write(Buffer.concat([header, mask, masked]));
  }

  #closed() {
    this.readyState = 3;
    const onclose = this.onclose;
    this.onclose = null;
    onclose?.({ code: this.#code });
  }
}
