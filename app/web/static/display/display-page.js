/** The page for a projector (`/?display`): no controls. It asks for a token only where it is not live without one. */

import { openScoreboard } from "../api/site.js";
import { SessionEnded } from "../client/errors.js";
import { text } from "../common/texts.js";

import { DisplayPairing } from "./display-pairing.js";
import { DisplayToken } from "./display-token.js";

export function startDisplayPage(page) {
  let hasEnded = false;
  const pairing = new DisplayPairing((code) => page.showNotice(text(reason()), code), connectWith);
  const token = new DisplayToken(watch);
  page.feed.listen({
    onState: ({ kind, error }) => {
      if (kind === "live") {
        pairing.stop();
        page.showNotice("");
      } else if (kind === "polling" && !pairing.isRunning) {
        pairing.start();
      } else if (kind === "ended" && error instanceof SessionEnded) {
        hasEnded = true;
        token.forget();
      }
    },
  });
  watch();

  function watch() {
    page.feed.watch(token.value === null ? null : openScoreboard({ token: token.value }));
  }

  function connectWith(displayToken) {
    token.accept(displayToken);
    hasEnded = false;
    watch();
  }

  function reason() {
    if (hasEnded) return "display.tokenEnded";
    return token.value === null ? "display.notPaired" : "display.refused";
  }
}
