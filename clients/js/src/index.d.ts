/** Watches and scores on a Live Scoreboard, in browsers and in Node. */

import type { Board, Contest, Period, Rank, Reveal, Row, ServerEvent, Settings, State } from "./models.js";

export * from "./models.js";

export interface Handlers {
  onBoard?: (board: Board) => void;
  /** Called over the WebSocket only. */
  onRank?: (rank: Rank) => void;
  /** Called with the first contest, and after each change; not while a board never had a clock. */
  onContest?: (contest: Contest) => void;
  /** Called over the WebSocket and the event stream. `onBoard` gets the board of its version, before or after it. */
  onReveal?: (reveal: Reveal) => void;
  onState?: (state: State) => void;
  onEvent?: (event: ServerEvent) => void;
}

/** `limit` and `remaining` are null if the call has no limit. */
export interface RateLimit {
  limit: number | null;
  remaining: number | null;
  waitSeconds: number;
}

/** The player's standing after a point, and the first version of the board that shows it. */
export interface Outcome {
  newScore: number;
  newRank: number;
  boardVersion: number | null;
  warning?: unknown;
  rateLimit: RateLimit;
  waitSeconds: number;
}

/** Points for one player on one board. Keep an act with its id to repeat it: it counts once. */
export interface Act {
  board: string;
  points: number;
  username?: string;
  userId?: string;
  label?: string;
  id?: string;
}

export interface Result {
  id: string;
  status:
    | "counted"
    | "repeated"
    | "conflict"
    | "banned"
    | "unknown_user"
    | "unknown_board"
    | "not_open"
    | "out_of_range"
    | "expired"
    | "invalid";
  score?: number;
  rank?: number;
  details?: Record<string, unknown>;
}

/** The reply to a login. */
export interface LoginReply {
  userId: string;
  username: string;
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
}

/** `expiresAt` is in ms since 1970. */
export interface Login extends Omit<LoginReply, "expiresIn"> {
  lifetimeMs: number;
  expiresAt: number;
}

/** A login in memory. A program that keeps logins elsewhere, or shares them, extends this class. */
export class Session {
  readonly login: Login | null;
  readonly active: boolean;
  readonly userId: string | null;
  readonly accessToken: string | null;
  readonly renewalMarginMs: number;
  readonly renewalDueInMs: number;
  /** Use this login, or none if it is null, from now on. */
  adopt(login: Login | null): void;
  begin(reply: LoginReply): void;
  renew(exchange: (refreshToken: string) => Promise<LoginReply>): Promise<void>;
  /** Run a task while no program that shares the session renews its tokens. */
  withoutRenewals<Result>(task: () => Promise<Result>): Promise<Result>;
  /** `cause` is what ended the session, or made the logout fail; null after a logout. */
  end(cause: Error | Pick<ApiError, "code" | "details"> | null): void;
}

export class Scoreboard {
  /** `url` is the site's address, or "" for the page's own. */
  constructor(
    url: string,
    options?: {
      /** An access token or a display token, in place of a login. */
      token?: string | null;
      /** The broadcaster's address; by default the client asks the server. */
      websocketUrl?: string | null;
      session?: Session;
      onReply?: (headers: Headers) => void;
    },
  );
  readonly userId: string | null;
  /** Log in and return the player's id. Throws ApiError or NoReply. */
  login(username: string, password: string): Promise<string>;
  /** Create an account and log in to it, also if an earlier try has created it without an answer. */
  register(username: string, password: string, displayName?: string): Promise<string>;
  /** End the session. The login is forgotten here even if this throws ApiError or NoReply. */
  logout(): Promise<void>;
  /** Score one point on the board `main`, at most once. Throws ApiError, NoReply or SessionEnded. */
  score(): Promise<Outcome>;
  readBoard(board?: string, period?: Period | null): Promise<Board>;
  /** All rows now, of this version or a later one. */
  readStandings(board?: string, period?: Period | null, options?: { minVersion?: number }): Promise<Row[]>;
  readSettings(board?: string): Promise<Settings>;
  /** Watch a board until the watch is closed, over the best way that works. */
  watch(board?: string, options?: Handlers & { period?: Period | null }): Watch;
  /** The reply's body of any other call with the login. */
  call(method: string, path: string, body?: unknown): Promise<any>;
  request(method: string, path: string, body?: unknown): Promise<{ body: any; rateLimit: RateLimit }>;
}

/** One watched board; `Scoreboard.watch` makes it. */
export class Watch {
  private constructor();
  readonly board: Board | null;
  readonly contest: Contest | null;
  readonly state: State;
  /** Throws an Error named "TimeoutError", or what ended the watch. */
  waitForVersion(version: number, options?: { timeoutMs?: number }): Promise<Board>;
  close(): void;
}

export class Service {
  constructor(url: string, key: string, options?: { retrySeconds?: number });
  /** Count acts, 500 a call, and return an answer for each, in their order. Throws ScoresUnanswered. */
  score(acts: Act[]): Promise<Result[]>;
}

export class RequestFailed extends Error {
  /** Whether the server may have carried the request out. */
  readonly uncertain: boolean;
  /** Seconds until the server accepts the same request, or 0. */
  readonly waitSeconds: number;
}

export class ApiError extends RequestFailed {
  readonly status: number;
  readonly code: string;
  readonly details: Record<string, any>;
  readonly warning: unknown;
  readonly requestId: string;
  readonly rateLimit: RateLimit;
}

export class NoReply extends RequestFailed {}
export class SessionEnded extends Error {}
export class WatchEnded extends Error {}

/** Not all acts have an answer. Send the unanswered ones again within a day: each id counts once. */
export class ScoresUnanswered extends Error {
  readonly results: Result[];
  readonly unanswered: (Act & { id: string })[];
  readonly cause: RequestFailed;
}

/** A new UUIDv7, for an act that is stored before it is sent. */
export function newId(): string;
