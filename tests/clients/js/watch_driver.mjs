/**
 * Watches as the JSON of its argument says, and prints what happens as lines of JSON; the first one says that
 * the watch has begun. A line "score" on stdin scores a point and waits until the board shows it; "close" ends
 * the program.
 */

import { createInterface } from "node:readline";

const { client, url, token, websocketUrl, username, password, board, period } = JSON.parse(process.argv[2]);
const { Scoreboard } = await import(client);

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const scoreboard = new Scoreboard(url, { token, websocketUrl });
if (username !== null) await scoreboard.login(username, password);
const watch = scoreboard.watch(board, {
  period,
  onState: (state) => print({ state }),
  onBoard: ({ version }) => print({ version }),
  onRank: (rank) => print({ rank }),
  onContest: (contest) => print({ contest }),
  onReveal: (reveal) => print({ reveal }),
  onEvent: ({ event }) => print({ event }),
});
print({ begun: true });

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "close") break;
  const outcome = await scoreboard.score();
  const { version } = await watch.waitForVersion(outcome.boardVersion);
  print({ scored: outcome.newScore, shown: version >= outcome.boardVersion });
}
watch.close();
process.stdin.destroy();
