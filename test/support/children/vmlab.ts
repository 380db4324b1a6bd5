/** The whole command line, for tests that need it in a process of its own. */
import { main } from "../../../cli/main.ts";

process.exitCode = await main(process.argv.slice(2));
