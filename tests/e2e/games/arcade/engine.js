// A library of the old kind: globals, written with nothing around them.
order.push("engine");
var Engine = {
  pixel: function (picture) {
    var pen = document.getElementById("screen").getContext("2d", { willReadFrequently: true });
    pen.clearRect(0, 0, 16, 16);
    pen.drawImage(picture, 0, 0);
    return Array.prototype.slice.call(pen.getImageData(0, 0, 1, 1).data, 0, 3);
  },
  image: function (address) {
    return new Promise(function (resolve, reject) {
      var image = new Image();
      image.onload = function () { resolve(image); };
      image.onerror = function () { reject(new Error("not loaded: " + address)); };
      image.src = address;
    });
  },
  request: function (address, kind) {
    return new Promise(function (resolve, reject) {
      var request = new XMLHttpRequest();
      request.open("GET", address, true);
      request.responseType = kind;
      request.onload = function () { resolve(request.response); };
      request.onerror = function () { reject(new Error("not loaded: " + address)); };
      request.send();
    });
  },
};
