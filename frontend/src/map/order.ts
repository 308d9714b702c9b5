/** In which order places are drawn: selected ones and neighbours first, then the rest, each in the fair order. */

import { IN_FRONT, type Samples } from "./samples";

export interface Order {
  /** Places drawn in front of all others, ascending. */
  front: Uint32Array;
  /** The rest, ascending; null where it is simply every place that has arrived. */
  back: Uint32Array | null;
  /** How many places in both. */
  count: number;
}

/** Hidden and absent places are in neither list. Where nothing is flagged or absent, there is nothing to list. */
export function drawingOrder(samples: Samples): Order {
  const { flags, arrived } = samples;
  let front = 0;
  let count = 0;
  for (let place = 0; place < arrived; place++)
    if (samples.isShown(place)) {
      count++;
      if (flags[place]! & IN_FRONT) front++;
    }
  const order = { front: new Uint32Array(front), back: null, count };
  if (front === 0 && count === arrived) return order;
  const back = new Uint32Array(count - front);
  let [atFront, atBack] = [0, 0];
  for (let place = 0; place < arrived; place++)
    if (samples.isShown(place)) {
      if (flags[place]! & IN_FRONT) order.front[atFront++] = place;
      else back[atBack++] = place;
    }
  return { ...order, back };
}
