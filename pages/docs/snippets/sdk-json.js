// JSON of the shape you ask for, with either backend
const schema = {
  type: "object",
  properties: {
    weather: { type: "string", enum: ["sun", "rain", "snow"] },
    visitors: { type: "integer" },
    news: { type: "string" },
  },
  required: ["weather", "visitors", "news"],
  additionalProperties: false,
};
const answer = await vanilla.chat("What is today like in the village?", { schema, maxTokens: 200 });

// A small model may still break off, or have no idea: never build a game on an answer that must be right
let today = { weather: "sun", visitors: 0, news: "Nothing happened." };
try {
  today = { ...today, ...JSON.parse(answer) };
} catch {
  // The day stays as it is
}
document.body.append(`${today.weather}: ${today.news}`);
