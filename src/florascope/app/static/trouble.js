// Why no answer came, in a person's words.

const HEIC = /^ftyp(heic|heix|heim|heis|hevc|hevx|mif1|msf1)/;

// error: what `asked` threw.
export async function complaint(photo, error, words) {
  if (error.cancelled) return words.cancelled;
  if (photo.size === 0) return words.empty;
  if (error.late) return words.late;
  if (error.cut) return navigator.onLine ? words.cut : words.offline;
  if (error.status === 422 && (await isHeic(photo))) return words.heic;
  return words.refused[error.status] ?? words.failed;
}

async function isHeic(photo) {
  return HEIC.test(await photo.slice(4, 12).text());
}
