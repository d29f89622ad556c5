// Who answers photos: the one line that another edition of the page replaces.
export * from "./remote.js";
