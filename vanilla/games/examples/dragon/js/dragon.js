/* The rules. The dragon's heart is code: what you say is weighed here, and the model only finds words for the outcome.
 * So the game is the same game with a great model, a tiny one, or none at all. */

export const LINES_UNTIL_NIGHT = 10;
const ENOUGH_TRUST = 100;

export const GIFTS = ["jar of plum jam", "wheel of cheese", "blue teapot", "bundle of old maps"];

/* Ways to talk, and how the dragon takes them: the pattern, trust won each time it is heard, and what is seen. Hearing
 * the same trick again is worth less each time, and in the end it grates. */
const WAYS = [
  { name: "threat", heard: /\b(kill|sword|slay|fight|attack|stab|die|burn|smash|or else|hurt|weapon|fool|stupid|ugly)\b/i, worth: [-22], seen: "Smoke curls from its nose." },
  { name: "order", heard: /\b(move|get out|let me (through|pass)|step aside|i (demand|insist)|now!)/i, worth: [-8, -14], seen: "Its tail lies down across the planks." },
  { name: "riddle", heard: /\b(riddle|guess|what (has|am i|walks|gets|runs))\b/i, worth: [22, 18, 10, 4], seen: "Both ears come up. It loves riddles." },
  { name: "tale", heard: /\b(once|story|tale|song|sing|poem|dream(t|ed)?|my (mother|father|sister|brother|grandmother|village))\b/i, worth: [20, 14, 8, 3], seen: "It settles down to listen." },
  { name: "honesty", heard: /\b(because|truth|honest|sorry|afraid|scared|promise|i need|forgive)\b/i, worth: [16, 10, 5, 0], seen: "It looks at you for a long time." },
  { name: "praise", heard: /\b(beautiful|magnificent|great|mighty|wise|lovely|splendid|handsome|noble|clever|shiny)\b/i, worth: [12, 6, -4, -10], seen: "It pretends not to be pleased." },
  { name: "courtesy", heard: /\b(please|thank|thanks|good (day|evening|afternoon)|greetings|hello|sir|madam|may i|could (i|you)|bow|pardon)\b/i, worth: [12, 8, 5, 3], seen: "It bends its neck, a little." },
  { name: "question", heard: /\?\s*$/, worth: [8, 7, 6, 4], seen: "It is not often asked anything." },
];

export class Dragon {
  constructor(random = Math.random) {
    this.trust = 20;
    this.lines = 0;
    this.heard = {}; // how often each way was tried
    this.said = new Set();
    const shuffled = [...GIFTS].sort(() => random() - 0.5);
    this.loved = shuffled[0]; // another one each time, so that you have to find out
    this.loathed = shuffled[1];
    this.given = new Set();
  }

  /* Weighs one line of the player. Gives what happened: {did, seen, change}. */
  hear(text) {
    this.lines += 1;
    const outcome = this.weigh(text.trim());
    this.trust = Math.max(0, Math.min(ENOUGH_TRUST, this.trust + outcome.change));
    return outcome;
  }

  weigh(text) {
    const key = text.toLowerCase().replace(/\W+/g, " ").trim();
    if (this.said.has(key)) return { did: "repeats itself", seen: "It has heard that before.", change: -8 };
    this.said.add(key);

    const gift = GIFTS.find((each) => !this.given.has(each) && key.includes(each.split(" ").at(-1)));
    if (gift) {
      this.given.add(gift);
      if (gift === this.loved) return { did: `gives you a ${gift}, the thing you love most`, seen: `It hugs the ${gift} with both claws.`, change: 30 };
      if (gift === this.loathed) return { did: `gives you a ${gift}, which you cannot stand`, seen: `It holds the ${gift} at arm's length.`, change: -6 };
      return { did: `gives you a ${gift}`, seen: `It puts the ${gift} on its hoard.`, change: 14 };
    }

    const ways = WAYS.filter((way) => way.heard.test(text));
    if (ways.length === 0) {
      const change = text.split(/\s+/).length >= 6 ? 5 : 1;
      return { did: "makes small talk", seen: change > 1 ? "It tilts its head." : "It waits for more.", change };
    }
    // Good and bad add up; the strongest way is the one it shows.
    const changes = ways.map((way) => {
      const times = (this.heard[way.name] = (this.heard[way.name] ?? 0) + 1);
      return way.worth[Math.min(times, way.worth.length) - 1];
    });
    const rude = ways.some((way) => way.worth[0] < 0);
    const change = Math.min(26, rude ? Math.min(...changes) : changes.reduce((sum, each) => sum + each, 0));
    const shown = ways[changes.indexOf(rude ? Math.min(...changes) : Math.max(...changes))];
    const seen = change < 0 && shown.worth[0] > 0 ? "It has had enough of that." : shown.seen;
    return { did: DEEDS[shown.name], seen, change };
  }

  get won() {
    return this.trust >= ENOUGH_TRUST;
  }

  get lost() {
    return !this.won && this.lines >= LINES_UNTIL_NIGHT;
  }

  get mood() {
    if (this.won) return "won";
    return this.trust < 15 ? "cross" : this.trust < 45 ? "wary" : this.trust < 75 ? "curious" : "fond";
  }
}

const DEEDS = {
  threat: "threatens you",
  order: "orders you about",
  riddle: "asks you a riddle",
  tale: "tells you a story",
  honesty: "is honest with you",
  praise: "praises you",
  courtesy: "is polite to you",
  question: "asks you something",
};
