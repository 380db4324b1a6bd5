#!/usr/bin/env node
// Answered before anything is imported: `vmlab --version` costs no more than starting Node.
declare const __VMLAB_VERSION__: string;

const argv = process.argv.slice(2);

if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  process.stdout.write(`vmlab ${__VMLAB_VERSION__}\n`);
} else {
  const { main } = await import("./main.ts");
  process.exitCode = await main(argv);
}
