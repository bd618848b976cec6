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
  // BUG: steps that are done are not run again, and a list that they fill
  // beside their results stays empty then.
  const parcels = [];
  await context.map('parcels', order.items,
    (one, item) => one.step(`pack-${item}`, async () => {
      await post('pack', `pack-${order.id}-${item}`, { item });
      parcels.push(`parcel of ${item}`);
    }),
    { maxConcurrency: 3 });
  await context.step('mail',
    () => post('mail', `mail-${order.id}`, { parcels }));
  return { id: order.id, parcels };
});
