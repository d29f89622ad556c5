// Downloads that say how far they are: servers that compress do not tell how much there will be.

// The bytes of some addresses. total: bytes of all together; progress is told the share that has come.
export async function downloaded(addresses, total, progress) {
  let come = 0;
  const counted = (bytes) => progress(Math.min(1, (come += bytes) / total));
  return Promise.all(addresses.map((address) => download(address, counted)));
}

async function download(address, counted) {
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${answer.status}`);
    const parts = [];
    for (const reader = answer.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
      parts.push(value);
      counted(value.length);
    }
  } catch {
    throw Object.assign(new Error(`no ${address}`), { cut: true });
  }
}
