/**
 * The guest that proves an accelerator: one boot sector of our own. It builds page tables for the first 2 MiB at
 * 0x1000, enters long mode, counts in a loop, and writes 0x2a to the debug-exit port.
 *
 *   cli; zero segments; clear 0x1000..0x3fff       real mode, as the BIOS hands over at 0x7c00
 *   [0x1000]=0x2003 [0x2000]=0x3003 [0x3000]=0x83  PML4 → PDPT → one 2 MiB page
 *   cr4.PAE; cr3=0x1000; EFER.LME; lgdt; cr0.PG|PE; far jump to the 64-bit segment
 *   mov rax,0x123456789; mov rcx,1000; add rax,rcx; loop
 *   mov al,0x2a; out 0xf4,al; hlt
 */
const CODE = `
  ea057c0000fa31c08ed88ec08ed0bc007cfcbf0010b90018f3abc70600100320c70600200330c7060030830066b82000
  00000f22e066b8001000000f22d866b9800000c00f32660d000100000f30660f0116907c66b8010000800f22c0ea627c
  080048b8896745230100000048c7c1e80300004801c8e2fbb02ae6f4f4ebfd9000000000000000000000000000
  9a20000f00807c0000`;

/** QEMU's exit code when the guest wrote 0x2a to isa-debug-exit: (value << 1) | 1. */
export const PROBE_EXIT_CODE = (0x2a << 1) | 1;

/** The disk's bytes. SeaBIOS ignores disks smaller than one cylinder of its geometry: hence 1 MiB. */
export function probeDisk(): Buffer {
  const disk = Buffer.alloc(2 ** 20);
  Buffer.from(CODE.replace(/\s/g, ""), "hex").copy(disk);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}
