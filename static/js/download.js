/** Saving what the page has made as a file. */

/** @param {string} name of the file @param {Blob} blob */
export function saveBlob(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has taken its own hold of it by the next turn.
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** @param {string} name @param {string} text @param {string} type media type */
export const saveText = (name, text, type) => saveBlob(name, new Blob([text], { type }));
