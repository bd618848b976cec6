// A report is ordered, looked for every ten minutes, and sent when it is ready.
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

async function look(report) {
  const reply = await fetch(`https://shop.example/status?id=${report.id}`);
  if (!reply.ok) throw new Error(`status: ${reply.status}`);
  const { ready } = await reply.json();
  return { id: report.id, ready };
}

const wait = (report) => report.ready ? { shouldContinue: false }
  : { shouldContinue: true, delay: { minutes: 10 } };

export const handler = withDurableExecution(async (request, context) => {
  await context.step('order',
    () => post('order', `order-${request.id}`, { id: request.id }));
  await context.waitForCondition('ready', look, {
    initialState: { id: request.id, ready: false },
    waitStrategy: wait,
  });
  await context.step('send',
    () => post('send', `send-${request.id}`, { to: request.to }));
  return { id: request.id, status: 'sent' };
});
