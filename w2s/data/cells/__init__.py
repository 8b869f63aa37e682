"""What the cells of a row mean: texts, chats, final answers, and the records made of them."""
