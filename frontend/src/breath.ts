/** Lets the page answer hands and draw before long work goes on. */
export function breath(): Promise<void> {
  return new Promise((resume) => setTimeout(resume));
}
