//! Lists come in pages; commands print them whole.

use crate::error::Result;

/// Asks for page after page until the last, or until there are enough. `fetch` takes the token of a page and gives
/// its items and the token of the next, which is empty on the last.
pub async fn collect<T>(most: usize, mut fetch: impl AsyncFnMut(String) -> Result<(Vec<T>, String)>) -> Result<Vec<T>> {
    let mut items = Vec::new();
    let mut token = String::new();
    loop {
        let (page, next) = fetch(token).await?;
        items.extend(page);
        if next.is_empty() || items.len() >= most {
            items.truncate(most);
            return Ok(items);
        }
        token = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pages_are_followed_until_there_are_enough() {
        for (most, expected, asked) in [(usize::MAX, 9, 3), (9, 9, 3), (4, 4, 2), (3, 3, 1)] {
            let mut calls = 0;
            let items = collect(most, async |token: String| {
                calls += 1;
                let page: usize = token.parse().unwrap_or_default();
                let next = if page < 2 { (page + 1).to_string() } else { String::new() };
                Ok(((page * 3..page * 3 + 3).collect(), next))
            });
            let items: Vec<usize> = items.await.unwrap();
            assert_eq!((items, calls), ((0..expected).collect(), asked));
        }
    }
}
