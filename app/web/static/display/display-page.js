/** The page for a projector (`/?display`): no controls. An operator types the code that it shows to give it a token. */

import { openScoreboard } from "../api/site.js";
import { SessionEnded } from "../client/errors.js";
import { text } from "../common/texts.js";

import { DisplayPairing } from "./display-pairing.js";
import { DisplayToken } from "./display-token.js";

export function startDisplayPage(page) {
  let isLive = false;
  let hasEnded = false;
  const pairing = new DisplayPairing(showCode, connectWith);
  const token = new DisplayToken(watch);
  page.feed.listen({ onState: follow });
  watch();

  function watch() {
    page.feed.watch(token.value === null ? null : openScoreboard({ token: token.value }));
  }

  function follow({ kind, transport, error }) {
    if (kind === "ended" && error instanceof SessionEnded) {
      hasEnded = true;
      token.forget();
    }
    if (kind !== "live" && kind !== "polling") return;
    isLive = kind === "live";
    if (transport === "websocket") token.confirm();
    // A token that was not accepted may be invalid, which does not matter to a display that is live.
    if (token.isConfirmed || (isLive && token.value !== null)) pairing.stop();
    else if (isLive) pairing.showFirst();
    else pairing.showAlways();
    showCode();
  }

  function connectWith(displayToken) {
    token.accept(displayToken);
    hasEnded = false;
    watch();
  }

  function showCode() {
    const { code } = pairing;
    if (code === null) page.showNotice("");
    else page.showNotice(text(reason()), { typed: code, isSmall: isLive });
  }

  function reason() {
    if (isLive) return "display.code";
    if (hasEnded) return "display.tokenEnded";
    return token.value === null ? "display.notPaired" : "display.refused";
  }
}
