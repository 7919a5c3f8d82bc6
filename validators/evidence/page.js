for (const range of document.querySelectorAll(".slide"))
  range.addEventListener("input", () => range.closest(".compare").style.setProperty("--cut", range.value + "%"));
