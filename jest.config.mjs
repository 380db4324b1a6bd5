const swc = {
  jsc: { experimental: { keepImportAttributes: true }, parser: { syntax: "typescript" }, target: "es2023" },
  module: { type: "es6" },
  sourceMaps: "inline",
};

/**
 * @param {string} displayName
 * @param {string[]} folders
 */
const project = (displayName, folders) => ({
  displayName,
  testMatch: folders.map((folder) => `<rootDir>/test/${folder}/**/*.test.ts`),
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  transform: { "\\.ts$": ["@swc/jest", swc] },
  injectGlobals: false,
  modulePathIgnorePatterns: ["<rootDir>/dist/"],
});

export default {
  projects: [
    project("unit", ["engine", "providers", "cli", "roles", "scripts"]),
    project("property", ["property"]),
    project("crash", ["crash"]),
    project("e2e", ["e2e"]),
    project("bench", ["bench"]),
  ],
  reporters: ["<rootDir>/test/reporter.mjs"],
  randomize: true,
  testSequencer: "<rootDir>/test/sequencer.cjs",
  coverageProvider: "v8",
  collectCoverageFrom: ["engine/**/*.ts", "providers/**/*.ts", "cli/**/*.ts"],
};
