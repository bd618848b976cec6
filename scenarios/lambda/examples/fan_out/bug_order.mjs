// A parcel for each item, in parallel; then one mail with all of them.
import { withDurableExecution } from '@aws/durable-execution-sdk-js';

// The services of the shop know a request by its key: what one of them has
// done, it does not do again.
async function post(name, key, body) {
  const reply = await fetch(`https://shop.example/${name}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key },
    body: JSON.stringify(body),
  });
  if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
  return reply.json();
}

export const handler = withDurableExecution(async (order, context) => {
  // BUG: the branches are told apart by their place, and each run of the
  // handler has another order of them.
  const items = [...order.items].sort(() => Math.random() - 0.5);
  const packed = await context.map('parcels', items,
    (one, item) => one.step(`pack-${item}`, async () => {
      await post('pack', `pack-${order.id}-${item}`, { item });
      return `parcel of ${item}`;
    }),
    { maxConcurrency: 3 });
  const parcels = packed.getResults().sort();
  await context.step('mail',
    () => post('mail', `mail-${order.id}`, { parcels }));
  return { id: order.id, parcels };
});
