use super::*;

#[test]
fn request_names_a_node_on_loopback() {
    let target = |text: &str| target(text.as_bytes());
    let address = "127.0.0.1:7612".parse().ok();
    assert_eq!(target("CONNECT 127.0.0.1:7612 HTTP/1.1\r\nHost: 127.0.0.1:7612\r\n\r\n"), address);
    for other in [
        "GET / HTTP/1.1\r\n\r\n",
        "CONNECT 10.0.0.1:7612 HTTP/1.1\r\n\r\n",
        "CONNECT localhost:7612 HTTP/1.1\r\n\r\n",
        "CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n",
        "CONNECT 127.0.0.1:7612\r\n\r\n",
        "",
    ] {
        assert_eq!(target(other), None, "{other}");
    }
}

#[tokio::test]
async fn endless_head_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let mut server = listener.accept().await.unwrap().0;
    client.write_all(&[b'x'; 4096]).await.unwrap();
    assert_eq!(read_head(&mut server).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
}
