/** `make lint-js`. ESLint 9, because Debian 12 has Node.js 18 and ESLint 10 needs version 20. */

import { readdirSync } from "node:fs";

import js from "@eslint/js";
import compat from "eslint-plugin-compat";
import esx from "eslint-plugin-es-x";
import globals from "globals";

const PAGE = "app/web/static";
const CLIENT = "clients/js/src";
/** Only Node loads it. */
const NODE_ONLY = `${CLIENT}/watch/node-websocket.js`;
const NO_CODE = ["styles", "vendor"];

/** The folders of the page, lowest layer first. A folder imports only from folders of lower layers. */
const LAYERS = [["common"], ["api"], ["live", "board", "chart", "standings"], ["contest"], ["play", "display"], ["docs"]];

export default [
  { ignores: ["**/vendor/", "**/node_modules/", ".venv*/", ".local/"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      eqeqeq: "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  { files: ["*.js"], languageOptions: { globals: globals.node } },
  { files: [`${PAGE}/**/*.js`, `${CLIENT}/**/*.js`], languageOptions: { globals: globals.browser } },
  { files: [NODE_ONLY, "tests/**/*.mjs"], languageOptions: { globals: globals.node } },
  ...browserSupport(),
  {
    files: [`${PAGE}/**/*.js`],
    ignores: [`${PAGE}/docs/**`],
    rules: { "no-restricted-syntax": ["error", ...untranslated()] },
  },
  {
    files: [`${PAGE}/page-failure.js`],
    languageOptions: { ecmaVersion: 5, sourceType: "script" },
    rules: { "no-var": "off" },
  },
  ...pageFolders().map(importRules),
];

/**
 * Rejects syntax, and most APIs, that a browser of package.json's browserslist lacks. Neither plugin knows
 * every method of the DOM; tests/browser/compatibility/test_browser_support.py removes those too.
 */
function browserSupport() {
  const files = [`${PAGE}/**/*.js`, `${CLIENT}/**/*.js`];
  const ignores = [NODE_ONLY];
  const settings = { lintAllEsApis: true, "es-x": { aggressive: true } };
  return [
    { ...compat.configs["flat/recommended"], files, ignores, settings },
    { ...esx.configs["flat/restrict-to-es2022"], files, ignores },
    // Safari 15.4 has the rest of ES2022.
    { files, ignores, rules: { "es-x/no-class-static-block": "error" } },
  ];
}

/**
 * Selectors of texts that a user would see in English whatever the page's language is: words that are
 * assigned to an element, and any words that look like a sentence. Messages for developers are allowed.
 */
function untranslated() {
  const message = "Take this text from app/web/texts, with text(key).";
  const shown = "AssignmentExpression[left.property.name=/^(textContent|innerText|title|alt|placeholder|ariaLabel)$/]";
  const parts = [["Literal", "value"], ["TemplateElement", "value.raw"]];
  const forDevelopers = ":matches(CallExpression[callee.object.name='console'], NewExpression[callee.name=/Error$/])";
  return parts.flatMap(([kind, value]) => [
    { selector: `${shown} > ${kind}[${value}=/[a-z]{2}/i]`, message },
    { selector: `${shown} > :matches(ConditionalExpression, TemplateLiteral) > ${kind}[${value}=/[a-z]{2}/i]`, message },
    { selector: `${kind}[${value}=/[a-z]{2,},? [a-z]{2,}/i]:not(${forDevelopers} ${kind})`, message },
  ]);
}

function pageFolders() {
  const folders = readdirSync(PAGE, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !NO_CODE.includes(entry.name))
    .map(({ name }) => name);
  const unknown = folders.filter((folder) => !LAYERS.flat().includes(folder));
  if (unknown.length > 0) throw new Error(`${PAGE}: ${unknown} is in no layer of eslint.config.js`);
  return folders;
}

function importRules(folder) {
  const level = LAYERS.findIndex((layer) => layer.includes(folder));
  const forbidden = LAYERS.slice(level).flat().filter((other) => other !== folder);
  const message = `${folder}/ imports only from lower layers (LAYERS in eslint.config.js).`;
  return {
    files: [`${PAGE}/${folder}/**/*.js`],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["**/{main,play,display}.js", ...forbidden.map((other) => `**/${other}/**`)], message }] },
      ],
    },
  };
}
