const shared = "shared by a script";
