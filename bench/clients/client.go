// Sends an image by net/http and mime/multipart. One JSON line for each answer.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
)

type route struct{ Route, Kind, URL string }

func main() {
	var given struct {
		Image  string
		Routes []route
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &given); err != nil {
		panic(err)
	}
	content, err := os.ReadFile(given.Image)
	if err != nil {
		panic(err)
	}
	for _, to := range given.Routes {
		contentType, body := bodyOf(to.Kind, content)
		status, said := 0, ""
		if answer, err := http.Post(to.URL, contentType, body); err != nil {
			said = err.Error()
		} else {
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			status, said = answer.StatusCode, string(text)
		}
		line, _ := json.Marshal(map[string]any{"client": "Go net/http", "route": to.Route, "status": status, "said": said})
		fmt.Println(string(line))
	}
}

func bodyOf(kind string, content []byte) (string, io.Reader) {
	text := base64.StdEncoding.EncodeToString(content)
	switch kind {
	case "form":
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, err := form.CreateFormFile("image", "digit.png")
		if err != nil {
			panic(err)
		}
		part.Write(content)
		form.Close()
		return form.FormDataContentType(), &body
	case "json":
		return "application/json", bytes.NewBufferString(`{"images":[{"image":"` + text + `"}]}`)
	case "v2":
		return "application/json", bytes.NewBufferString(`{"inputs":[{"name":"file","datatype":"BYTES","shape":[1],"data":["` + text + `"]}]}`)
	default:
		return "image/png", bytes.NewReader(content)
	}
}
