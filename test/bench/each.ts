/** Calls `act` with 0 … count - 1, `width` at a time; results in order. The first error ends it. */
export async function each<T>(
  count: number,
  width: number,
  act: (index: number) => Promise<T>,
): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      results[index] = await act(index);
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return results;
}
