// A parcel for each item, in parallel; then one mail with all of them.
import { withDurableExecution } from '@aws/durable-execution-sdk-js';

// Tells an outside system to do something. It knows a request by its key.
async function effect(name, key) {
  const reply = await fetch(`${process.env.PERDURE_EFFECTS}/${name}`, {
    method: 'POST',
    headers: { 'Idempotency-Key': key },
  });
  if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
}

export const handler = withDurableExecution(async (order, context) => {
  // BUG: a list beside the steps forgets what was done before a replay.
  const packed = [];
  const parcels = await context.map('parcels', order.items,
    async (one, item) => one.step(`pack-${item}`, async () => {
      await effect('pack', `${order.id}-${item}`);
      return packed.push(item);
    }),
    { maxConcurrency: 3 });
  await context.step('mail', () => effect('mail', `mail-${order.id}`));
  return { id: order.id, parcels: packed.length };
});
