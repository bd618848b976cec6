// An order is reserved, charged and shipped. When it cannot be shipped, what
// was done is undone in reverse order.
import { withDurableExecution } from '@aws/durable-execution-sdk-js';

// Tells an outside system to do something. It knows a request by its key.
async function effect(name, key) {
  const reply = await fetch(`${process.env.PERDURE_EFFECTS}/${name}`, {
    method: 'POST',
    headers: { 'Idempotency-Key': key },
  });
  if (!reply.ok) throw new Error(`${name}: ${reply.status}`);
}

const NEVER = { retryStrategy: () => ({ shouldRetry: false }) };

async function ship(order) {
  if (order.weight > 30) throw new Error('too heavy for the carrier');
  await effect('ship', `ship-${order.id}`);
}

export const handler = withDurableExecution(async (order, context) => {
  const undo = [];
  try {
    undo.push(['release', `release-${order.id}`]);
    await context.step('reserve', () => effect('reserve', `reserve-${order.id}`));
    undo.push(['refund', `refund-${order.id}`]);
    // BUG: the key changes with each attempt, so that it protects nothing.
    const attempt = crypto.randomUUID();
    await context.step('charge', () => effect('charge', `charge-${order.id}-${attempt}`));
    await context.step('ship', () => ship(order), NEVER);
    return { id: order.id, status: 'shipped' };
  } catch (error) {
    for (const [name, key] of undo.reverse())
      await context.step(name, () => effect(name, key));
    return { id: order.id, status: 'undone', why: error.message };
  }
});
