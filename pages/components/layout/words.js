// Sentences of a component in the language of the page. `words` has them by the English ones; it is empty in English.
let words = {}
const t = (text, values = {}) => (words[text] ?? text).replace(/\{(\w+)\}/g, (field, name) => values[name] ?? field)
const inDigits = (number, options) => number.toLocaleString(document.documentElement.lang || "en", options)

