/** Starts the page for players. */

import { startPlayerPage } from "./play/player-page.js";
import { markStarted, page } from "./main.js";

startPlayerPage(page);
markStarted();
