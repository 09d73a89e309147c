import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.UUID;

/**
 * Sends an image by java.net.http (Java 11 on), its form put together by hand, as it has none. Arguments: the image, then route, kind and
 * URL of each.
 */
public class Client {
  public static void main(String[] given) throws Exception {
    // HTTP/2 is what the client asks for unless told otherwise: an Upgrade in the first request.
    HttpClient client = HttpClient.newHttpClient();
    byte[] content = Files.readAllBytes(Path.of(given[0]));
    String text = Base64.getEncoder().encodeToString(content);
    for (int at = 1; at + 2 < given.length; at += 3) {
      String boundary = UUID.randomUUID().toString();
      String type = switch (given[at + 1]) {
        case "form" -> "multipart/form-data; boundary=" + boundary;
        case "file" -> "image/png";
        default -> "application/json";
      };
      byte[] body = switch (given[at + 1]) {
        case "form" -> formOf(boundary, content);
        case "json" -> bytes("{\"images\":[{\"image\":\"" + text + "\"}]}");
        case "v2" -> bytes("{\"inputs\":[{\"name\":\"file\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"" + text + "\"]}]}");
        default -> content;
      };
      var request = HttpRequest.newBuilder(URI.create(given[at + 2]))
          .header("Content-Type", type)
          .POST(BodyPublishers.ofByteArray(body))
          .build();
      int status = 0;
      String said;
      try {
        var answer = client.send(request, BodyHandlers.ofString());
        status = answer.statusCode();
        said = answer.body();
      } catch (Exception error) {
        said = error.toString();
      }
      String line = "{\"client\":\"Java HttpClient\",\"route\":" + json(given[at]) + ",\"status\":" + status;
      System.out.println(line + ",\"said\":" + json(said) + "}");
    }
  }

  static byte[] formOf(String boundary, byte[] content) throws Exception {
    var body = new ByteArrayOutputStream();
    body.write(bytes("--" + boundary + "\r\nContent-Disposition: form-data; name=\"image\"; filename=\"digit.png\"\r\n"));
    body.write(bytes("Content-Type: image/png\r\n\r\n"));
    body.write(content);
    body.write(bytes("\r\n--" + boundary + "--\r\n"));
    return body.toByteArray();
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String json(String text) {
    var escaped = new StringBuilder("\"");
    for (char each : text.toCharArray()) {
      if (each == '"' || each == '\\') escaped.append('\\').append(each);
      else if (each < ' ') escaped.append(String.format("\\u%04x", (int) each));
      else escaped.append(each);
    }
    return escaped.append('"').toString();
  }
}
