/**
 * Shows #page-failure if the page does not start, or if one of its scripts fails later.
 *
 * This script also runs in browsers that the page does not support, so it is no module, and its syntax
 * is that of ECMAScript 5. play.js, display.js and embed.js set data-started on <html>.
 */

(function () {
  var root = document.documentElement;

  window.addEventListener("load", function () {
    if (!root.hasAttribute("data-started")) show();
  });
  window.addEventListener("error", function (event) {
    // The error is null for warnings of the browser, such as those of ResizeObserver.
    if (event.error && isOwn(event.filename)) show();
  });
  window.addEventListener("unhandledrejection", function (event) {
    if (event.reason && isOwn(event.reason.stack)) show();
  });

  // Scripts of browser extensions run in the same window, and their errors are not the page's.
  function isOwn(origin) {
    return String(origin).indexOf(location.origin) >= 0;
  }

  function show() {
    var failure = document.getElementById("page-failure");
    if (failure) failure.hidden = false;
  }
})();
