// An order is reserved, charged and shipped. When it cannot be shipped, what
// was done is undone in reverse order.
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

const NEVER = { retryStrategy: () => ({ shouldRetry: false }) };

async function ship(order, place) {
  if (order.weight > 30) throw new Error('too heavy for the carrier');
  await post('ship', `ship-${order.id}`, { place });
}

// BUG: a variable of the module is of one process. The step is not run again
// in the next one, and the variable stays empty there.
let reserved;

export const handler = withDurableExecution(async (order, context) => {
  const undo = [];
  try {
    undo.push(['release', `release-${order.id}`]);
    await context.step('reserve', async () => {
      reserved =
        await post('reserve', `reserve-${order.id}`, { items: order.items });
    });
    undo.push(['refund', `refund-${order.id}`]);
    await context.step('charge',
      () => post('charge', `charge-${order.id}`, { amount: order.amount }));
    await context.step('ship', () => ship(order, reserved.place), NEVER);
    return { id: order.id, status: 'shipped' };
  } catch (error) {
    for (const [name, key] of undo.reverse())
      await context.step(name, () => post(name, key, { id: order.id }));
    return { id: order.id, status: 'undone', why: error.message };
  }
});
