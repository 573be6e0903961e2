/** A module of `dist`, which is what runs in earnest: sources loaded on the fly carry marks that cost time. */
export async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../../dist/${path}`, import.meta.url).href)) as Module;
}
