// Nothing younger than Chrome 100 without a fallback (docs/decisions/0111): syntax by ECMAScript 2022, the browser's own
// names by MDN's compatibility data, style sheets by what every browser had at the end of 2021. Methods of the language
// that are younger are type errors (tsconfig.json).
import css from "@eslint/css";
import compat from "eslint-plugin-compat";

const FIELD = "src/ecoklit/web/field";

/** What Chrome had by its version 100, though others had it later. */
const OLDER = {
  available: 2021,
  allowProperties: ["accent-color", "color-scheme", "outline"],
  allowPropertyValues: { "overflow-wrap": ["anywhere"], "font-family": ["ui-monospace"] },
  allowSelectors: ["focus-visible"],
};

export default [
  {
    files: [`${FIELD}/**/*.js`],
    plugins: { compat },
    languageOptions: { ecmaVersion: 2022, sourceType: "module" },
    settings: { lintAllEsApis: true }, // the browsers stand in the field app's package.json
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: { "compat/compat": "error" },
  },
  {
    files: [`${FIELD}/**/*.css`],
    plugins: { css },
    language: "css/css",
    rules: {
      "css/no-invalid-properties": "error",
      "css/use-baseline": ["error", OLDER],
    },
  },
];
