/** Returns a line of a relay as an object; null if it is not JSON, which the core refuses and counts. */
export function parsed<T>(line: string): T | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
