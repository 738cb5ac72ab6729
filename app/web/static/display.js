/** Starts the page for projectors. */

import { startDisplayPage } from "./display/display-page.js";
import { markStarted, page } from "./main.js";

startDisplayPage(page);
markStarted();
