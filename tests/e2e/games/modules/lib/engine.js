import { unit } from "lib/units.js";

export const name = `an engine of ${unit}`;
export default class Engine {}
