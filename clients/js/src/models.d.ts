/** What the server sends, and how a watch receives it. */

export type Period = "all" | "day" | "week" | "month";

/** One player on a board. `rank` is competition rank: 1, 2, 2, 4. */
export interface Row {
  rank: number;
  userId: string;
  username: string;
  displayName: string;
  score: number;
}

/** The top ten. A board that was read over HTTP may lack the times. */
export interface Board {
  leaderboard: Row[];
  version?: number;
  updatedAt?: string;
  committedAt?: string;
  board?: string;
  period?: Period;
}

/** The rules of a board, its clock and its state; times in ISO 8601, or null. */
export interface Settings {
  key: string;
  title: string;
  better: "high" | "low";
  combine: "sum" | "best" | "latest";
  scoredBy: "players" | "service";
  points: { min: number; max: number };
  periods: Period[];
  timeZone: string;
  state: "scheduled" | "open" | "frozen" | "closed" | "final" | "archived";
  opensAt: string | null;
  freezesAt: string | null;
  closesAt: string | null;
  thawedAt: string | null;
  finalizedAt: string | null;
  createdAt: string;
}

/** The player's own score and rank; the rank is null if the player is not on the board. */
export interface Rank {
  score: number;
  rank: number | null;
  version: number;
}

/** A step of a contest's reveal. A rank or score is null if the player had, or has, no place. */
export interface Reveal {
  userId: string;
  username: string;
  displayName: string;
  fromRank: number | null;
  fromScore: number | null;
  toRank: number | null;
  toScore: number | null;
  /** Acts that are still hidden. */
  remaining: number;
  /** The player's row after the step, and the rows around it. */
  rows: Row[];
  version: number;
  board: string;
  period: Period;
}

/** The clock of a board and the last step of its reveal; times in ISO 8601, or null. */
export interface Contest {
  state: Settings["state"];
  opensAt: string | null;
  freezesAt: string | null;
  closesAt: string | null;
  thawedAt: string | null;
  finalizedAt: string | null;
  /** Null without a step. `next` is the player whose acts are shown next, or null. */
  reveal: {
    number: number;
    remaining: number;
    last: Omit<Reveal, "version" | "board" | "period">;
    next: (Omit<Row, "rank" | "score"> & { rank: number | null; score: number | null }) | null;
  } | null;
  board: string;
  period: Period;
}

/** How a watch receives its board. */
export interface State {
  kind: "connecting" | "live" | "polling" | "waiting" | "ended";
  /** Set while "live" or "polling"; else "". */
  transport: "" | "websocket" | "stream" | "polling";
  /** Why the watch is "waiting" or has "ended"; else "". */
  cause: string;
  /** The delay of the next attempt while "waiting"; else 0. */
  retryMs: number;
  /** While not "live" or "polling": the error of the call of the API that failed last, or null. */
  error: Error | null;
}

/** An event of the server, as it was received. */
export interface ServerEvent {
  event: string;
  data?: Record<string, unknown>;
}
