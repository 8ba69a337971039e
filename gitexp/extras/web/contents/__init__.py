"""The documents behind the pages: repository in, data for JSON out. No HTML, no server.

A server sends the documents, and an export writes them into the pages. Each has a bound, and says what it
leaves out. Texts of users stand in them as they are: whoever draws a document makes text of them, not markup.
"""
