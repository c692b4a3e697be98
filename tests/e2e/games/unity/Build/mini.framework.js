window.miniFramework = "mini 1.0";
