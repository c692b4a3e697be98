/* The rules, without a screen: where the moon is, what lies ahead, what it hits. Angles are radians and only grow, so
 * that a thing one round ahead is not the same as a thing here. */

export const INNER = 0;
export const OUTER = 1;
const HOP_SECONDS = 0.11; // from one orbit to the other
const AHEAD = 5.4; // how far ahead things appear; a full round is 6.28
const REACH = 0.13; // closer than this, the moon touches a thing

export class World {
  constructor(random = Math.random) {
    this.random = random;
    this.angle = 0;
    this.lane = OUTER; // where the moon is going
    this.height = 1; // where it is: 0 on the inner orbit, 1 on the outer
    this.things = []; // {angle, lane, kind: "sprinkle" | "stone", colour}
    this.next = 1.8; // the angle of the next thing
    this.score = 0;
    this.over = false;
  }

  /* Radians a second: faster with every sprinkle, but never too fast to follow. */
  get speed() {
    return Math.min(3.4, 1.5 + this.score * 0.03);
  }

  hop() {
    this.lane = this.lane === INNER ? OUTER : INNER;
  }

  /* Moves everything by `seconds`. Gives what the moon touched: "sprinkle", "stone" or null. */
  step(seconds) {
    this.angle += this.speed * seconds;
    const way = this.lane - this.height;
    this.height += Math.sign(way) * Math.min(Math.abs(way), seconds / HOP_SECONDS);
    while (this.next < this.angle + AHEAD) this.lay();

    let touched = null;
    this.things = this.things.filter((thing) => {
      const near = Math.abs(thing.angle - this.angle) < REACH && Math.abs(thing.lane - this.height) < 0.5;
      if (near) touched = touched === "stone" ? touched : thing.kind;
      return !near && thing.angle > this.angle - 0.4;
    });
    if (touched === "sprinkle") this.score += 1;
    if (touched === "stone") this.over = true;
    return touched;
  }

  /* Lays one sprinkle, and from the second round on often a stone beside it: never two stones, so there is a way. */
  lay() {
    const lane = this.random() < 0.5 ? INNER : OUTER;
    const bare = this.next < 5 || this.random() < 0.3;
    if (bare || this.random() < 0.75) {
      this.things.push({ angle: this.next, lane, kind: "sprinkle", colour: Math.floor(this.random() * 4) });
    }
    if (!bare) this.things.push({ angle: this.next, lane: 1 - lane, kind: "stone", colour: 0 });
    // In time, not in angle: the gap a player has to hop shrinks from 0.5 to 0.3 seconds.
    this.next += this.speed * Math.max(0.3, 0.5 - this.score * 0.004);
  }
}
