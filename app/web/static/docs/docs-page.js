/** The API's documentation (`/docs`): Swagger UI with a search in all operations. */

const COMMAND = "x-codeSamples";
const darkScheme = matchMedia("(prefers-color-scheme: dark)");

chooseColours();
darkScheme.addEventListener("change", chooseColours);

window.SwaggerUIBundle({
  dom_id: "#api",
  url: document.getElementById("api").dataset.document,
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  // Swagger UI would otherwise send the document to a server of its makers for a check.
  validatorUrl: null,
  plugins: [{ fn: { opsFilter: searchOperations }, statePlugins: { spec: { wrapActions: { updateJsonSpec } } } }],
});

/** Swagger UI follows a class, not the browser's colour scheme. */
function chooseColours() {
  document.documentElement.classList.toggle("dark-mode", darkScheme.matches);
}

/**
 * Send calls to the server of this page, and show each operation's tested command in its description,
 * because Swagger UI has no other place for it.
 */
function updateJsonSpec(update) {
  return (apiDocument) => {
    // A proxy may serve the API under a path, which only the browser knows.
    apiDocument.servers = [{ url: new URL(".", location.href).pathname }];
    for (const operations of Object.values(apiDocument.paths ?? {})) {
      for (const operation of Object.values(operations)) {
        const [sample] = operation[COMMAND] ?? [];
        if (sample === undefined) continue;
        operation.description = `${operation.description ?? ""}\n\n\`\`\`sh\n${sample.source}\n\`\`\``;
      }
    }
    return update(apiDocument);
  };
}

/** The operations whose tag, method, path or summary contains the phrase, by tag. */
function searchOperations(taggedOperations, phrase) {
  const wanted = phrase.toLowerCase();
  return taggedOperations
    .map((tagged, tag) =>
      tagged.update("operations", (operations) => operations.filter((each) => textOf(tag, each).includes(wanted))),
    )
    .filter((tagged) => tagged.get("operations").size > 0);
}

function textOf(tag, operation) {
  const summary = operation.getIn(["operation", "summary"], "");
  return [tag, operation.get("method"), operation.get("path"), summary].join(" ").toLowerCase();
}
