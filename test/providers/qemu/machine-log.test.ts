import { expect, test } from "@jest/globals";
import { parseMachineLog } from "../../../providers/qemu/machine-log.ts";

test("a guest that powered off is told from a QEMU that was told to quit, and from a signal", () => {
  const running = "vm_state_notify running 1 reason 9 (running)\n";
  expect(parseMachineLog(`${running}qemu_system_shutdown_request reason=6\n`)).toEqual({
    end: "guest-shutdown",
    messages: [],
  });
  expect(parseMachineLog(`${running}qemu_system_shutdown_request reason=2\n`)).toEqual({
    end: "quit",
    messages: [],
  });
  const signal = "qemu-system-x86_64: terminating on signal 15 from pid 1 (systemd)";
  expect(parseMachineLog(`${running}${signal}\n`)).toEqual({ end: "signal", messages: [signal] });
  expect(parseMachineLog(running)).toEqual({ messages: [] });
});

test("the last run state says whether it is paused, and why", () => {
  const full =
    "vm_state_notify running 1 reason 9 (running)\nvm_state_notify running 0 reason 4 (io-error)\n";
  expect(parseMachineLog(full)).toEqual({ paused: "io-error", messages: [] });
  expect(parseMachineLog(`${full}vm_state_notify running 1 reason 9 (running)\n`)).toEqual({ messages: [] });
});
