import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { defineGroup } from "../define-command.ts";
import { defineAdopt } from "../state-commands/adopt.ts";
import { defineHistory } from "../state-commands/history.ts";
import { defineList } from "../state-commands/list.ts";
import { defineMove } from "../state-commands/mv.ts";
import { definePull } from "../state-commands/pull.ts";
import { defineRestore } from "../state-commands/restore.ts";
import { defineRemove } from "../state-commands/rm.ts";
import { defineShow } from "../state-commands/show.ts";
import { defineUnlock } from "../state-commands/unlock.ts";

export function define(context: CommandContext): Command {
  return defineGroup("state", "Look at the state and mend it", [
    defineList(context),
    defineShow(context),
    defineMove(context),
    defineRemove(context),
    defineHistory(context),
    defineRestore(context),
    defineUnlock(context),
    defineAdopt(context),
    definePull(context),
  ]);
}
