// The page's own words; sentences of an answer come with the answer. texts.js is made of the files
// that a translator edits (florascope/texts/page.*.json).
import { TEXTS } from "./texts.js";

export const LANGUAGES = TEXTS;

// subject: "flowers" for the 102 of Oxford's list, else "things".
export function wordsOf(language, subject) {
  const { things, ...words } = TEXTS[language];
  return subject === "flowers" ? words : { ...words, ...things };
}
