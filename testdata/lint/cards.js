// Reads {name: card} and prints what Microsoft's own Adaptive Cards library has to say about each card, read as version 1.5.
const { readFileSync } = require("node:fs");
const { AdaptiveCard, HostConfig, SerializationContext, Versions } = require("../peers/node_modules/adaptivecards/dist/adaptivecards.js");

const teams = new HostConfig({ actions: { maxActions: 6 } }); // as many buttons as Teams shows

for (const [name, json] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const context = new SerializationContext(Versions.v1_5);
  const card = new AdaptiveCard();
  card.hostConfig = teams;
  card.parse(json, context);
  const events = Array.from({ length: context.eventCount }, (_, i) => context.getEventAt(i));
  for (const event of [...events, ...card.validateProperties().validationEvents]) {
    console.log(`${name}: ${event.message}`);
  }
}
